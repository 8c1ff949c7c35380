#!/bin/bash
# Called by ipmi_sim for chassis commands: chassis.sh STATE HOST get|set PARAMETER [VALUE]…
# The file STATE/hosts/HOST/bmc.fault makes it misbehave: "lying" says ok and does nothing, "slow" takes 3 s.
STATE=$1 HOST=$2
shift 2
DIR=$STATE/hosts/$HOST
POWER=$(dirname "$0")/../host/power.sh
echo "$(date +%T.%N) $*" >> "$DIR/bmc.log"
case ${1:-} in get | set) ;; *) shift ;; esac # some versions pass the controller's address first
fault=$(cat "$DIR/bmc.fault" 2>/dev/null)
[ "$fault" = slow ] && sleep 3
power() { [ "$fault" = lying ] || "$POWER" "$STATE" "$HOST" "$1" < /dev/null >> "$DIR/bmc.log" 2>&1; }
verb=$1
shift
while [ $# -gt 0 ]; do
  if [ "$verb" = get ]; then
    case $1 in
      power) if [ "$("$POWER" "$STATE" "$HOST" status)" = on ]; then echo power:1; else echo power:0; fi ;;
      boot) echo boot:default ;;
      *) echo "$1:0" ;;
    esac
  else
    case $1 in
      power) shift; if [ "$1" = 1 ]; then power on; else power off; fi ;;
      reset) shift; power reset ;;
      shutdown) shift; power off ;;
      *) shift ;;
    esac
  fi
  shift
done
exit 0
