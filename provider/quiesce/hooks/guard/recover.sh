# -------------------------------------------------------------------------------------- main: recovery

# What an earlier run of this resource may have left frozen: by its own post-thaw, then by the present one, as it may
# have been mended since.
recover() {
    exec >&4
    sit_at 5 main
    thaw_state=ready final_state=ready tried_as='' limit_of_try=$limit_of_marker
    await_members "$members" || leave_incomplete
    if ! thaw "$marker_verb_thaw" marker; then
        say "tried $result"
        tried_as=current limit_of_try=$limit_post
        thaw "$verb_thaw" own
    fi
    conclude
    leave
}

guard_recover() {
    # That nothing is there on another host says nothing about ours.
    identify
    if [ "$identity" = other ] && [ "$verify_identity" = yes ]; then refuse WRONG_INSTANCE "$found_instance"; fi
    if [ ! -d "$state_directory" ]; then
        say "gone $identity $boot"
        exit 0
    fi
    take_lock
    read_marker
    if [ "$marker_execution" != "$execution" ] || [ "$marker_boot" != "$boot" ] || [ "$execution" = "$confirmed_awake" ]; then
        if [ "$marker_execution" = "$execution" ]; then
            clear_marker
            [ "$marker_boot" != "$boot" ] || say "confirmed $execution"
        fi
        remove_state
        say "gone $identity $boot"
        exit 0
    fi
    [ -z "$marker_post_path" ] || problems=$(script_problems "$marker_post_path")
    [ -z "$problems" ] || refuse HOST_UNSUITABLE "the post script:$problems"
    # Beside what the marker names.
    scripts=$run_directory/current
    rm -rf "$scripts"
    if mkdir "$scripts"; then start_company recover; fi
    refuse HOST_UNSUITABLE "$state_parent has no room (df -h $state_parent; df -i $state_parent)"
}
