// Who may, and what of: a bearer token on every route but the health checks and the documentation, and a cluster that exists. A global guard sees the routed path, however it was encoded.
import { Inject, Injectable, SetMetadata, createParamDecorator, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { UserError } from '../shared/errors.js';
import { findCluster, splitCluster } from './named-cluster.js';
import { API_PORTS, type ApiPorts } from './ports.js';

const OPEN = 'reeve:open';

/** No token needed. */
export const Open = (): MethodDecorator & ClassDecorator => SetMetadata(OPEN, true);

type Authorised = FastifyRequest & { reeveActor?: string };

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(API_PORTS) private readonly ports: ApiPorts,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(OPEN, [context.getHandler(), context.getClass()])) return true;
    const request = context.switchToHttp().getRequest<Authorised>();
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    const actor = token === undefined ? null : this.ports.verifyToken(token);
    if (actor === null) throw new UserError('unauthorized', token === undefined ? 'no bearer token was given' : 'the bearer token is not known', 'set REEVE_TOKEN; it is in cli.json of the control plane\'s state directory');
    request.reeveActor = actor;
    // Before the body is judged: a wrong name is the first thing to say.
    findCluster(this.ports.clusters, splitCluster(request.originalUrl).cluster);
    return true;
  }
}

/** Who asks, for the audit log: the token's owner, and the person that the client names. */
export const Actor = createParamDecorator((_data: unknown, context: ExecutionContext): string => {
  const request = context.switchToHttp().getRequest<Authorised>();
  const person = request.headers['x-reeve-user'];
  const known = request.reeveActor ?? 'unknown';
  return typeof person === 'string' && /^[\w.@-]{1,64}$/.test(person) ? person : known;
});
