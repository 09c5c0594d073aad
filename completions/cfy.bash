_cfy_complete() {
    local kind value
    COMPREPLY=()
    while IFS=$'\t' read -r kind value _; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(CFY_WORDS="${COMP_WORDS[*]:0:COMP_CWORD}" CFY_WORD="${COMP_WORDS[COMP_CWORD]}" \
        _CFY_COMPLETE=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _cfy_complete cfy
