# ----------------------------------------------------------------------------------------------- entry

# sudo may lead to another account than root's (`runas_default`, sudoers(5)).
refuse_other_account() {
    [ "$sudo" != yes ] || [ "$uid" = 0 ] || refuse NOT_ROOT "$uid"
}

case ${1:-$mode} in
watcher1 | watcher2 | worker) as_member "$@" ;;
check)
    say "$nonce"
    check_host
    ;;
freeze)
    say "$nonce"
    refuse_other_account
    guard_freeze
    ;;
recover)
    say "$nonce"
    trap : HUP INT TERM PIPE
    refuse_other_account
    guard_recover
    ;;
esac
