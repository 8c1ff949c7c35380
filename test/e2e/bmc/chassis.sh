#!/bin/bash
# A machine in a folder, for ipmi_sim: chassis.sh DIR get|set PARAMETER [VALUE]…; DIR/power is 1 or 0, DIR/fault misbehaves.
DIR=$1
shift
case ${1:-} in get | set) ;; *) shift ;; esac # some versions pass the controller's address first
fault=$(cat "$DIR/fault" 2>/dev/null)
[ "$fault" = slow ] && sleep 1.5
verb=$1
shift
while [ $# -gt 0 ]; do
  case $verb-$1 in
    get-power) echo "power:$(cat "$DIR/power")" ;;
    get-boot) echo boot:default ;;
    get-*) echo "$1:0" ;;
    set-power) shift; [ "$fault" = lying ] || echo "$1" > "$DIR/power" ;;
    set-*) shift ;;
  esac
  shift
done
exit 0
