#compdef cfy
_cfy() {
    local kind value meaning
    local -a described
    while IFS=$'\t' read -r kind value meaning; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files ;;
            plain) described+=("${value//:/\\:}${meaning:+:$meaning}") ;;
        esac
    done < <(CFY_WORDS="${words[1,CURRENT-1]}" CFY_WORD="${words[CURRENT]}" \
        _CFY_COMPLETE=zsh_complete "${words[1]}" 2>/dev/null)
    (( ${#described} )) && _describe -V unsorted described -U
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _cfy "$@"; else compdef _cfy cfy; fi
