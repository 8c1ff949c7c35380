// Branded identifiers: a HostId can't be passed where a WorkloadId is wanted.

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

export type HostId = Brand<'HostId'>;
export type WorkloadId = Brand<'WorkloadId'>;
export type OperationId = Brand<'OperationId'>;

export const hostId = (text: string): HostId => text as HostId;
export const workloadId = (text: string): WorkloadId => text as WorkloadId;
export const operationId = (text: string): OperationId => text as OperationId;
