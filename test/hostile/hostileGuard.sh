# What sshd runs instead of any command on a hostile host: checks as the guard does, and freezes as `lie` says.
# It plays as the one who may do anything there; no privilege is needed to say something.
length=${SSH_ORIGINAL_COMMAND#*dd bs=}
program=$(dd bs=1 count="${length%% *}" 2>/dev/null)
case $program in
*"mode='check'"*) [ -e /run/hostile/check ] || exec sudo -n sh -c "$program" ;;
*"mode='recover'"*) exit 1 ;;
esac
nonce=${program#*nonce=\'}
boot=$(cat /proc/sys/kernel/random/boot_id)
[ -e /run/hostile/mute ] || echo "${nonce%%\'*}"
. /run/hostile/lie
