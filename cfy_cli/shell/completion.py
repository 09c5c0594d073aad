"""TAB in a shell: what the shell is told to do, and how it is answered.

The protocol and the scripts are our own, so that they stay the same whichever click is installed.
"""

import os
from typing import Any

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

SHELLS = ("bash", "zsh", "fish")

_BASH = """\
_cfy_complete() {
    local kind value
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value _; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(CFY_WORDS="${COMP_WORDS[*]:0:COMP_CWORD}" CFY_WORD="${COMP_WORDS[COMP_CWORD]}" \\
        _CFY_COMPLETE=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _cfy_complete cfy
"""

_ZSH = """\
#compdef cfy
_cfy() {
    local kind value meaning
    local -a described
    while IFS=$'\\t' read -r kind value meaning; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files ;;
            plain) described+=("${value//:/\\\\:}${meaning:+:$meaning}") ;;
        esac
    done < <(CFY_WORDS="${words[1,CURRENT-1]}" CFY_WORD="${words[CURRENT]}" \\
        _CFY_COMPLETE=zsh_complete "${words[1]}" 2>/dev/null)
    (( ${#described} )) && _describe -V unsorted described -U
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _cfy "$@"; else compdef _cfy cfy; fi
"""

_FISH = """\
function _cfy_complete
    set -l words (commandline -opc)
    for line in (env _CFY_COMPLETE=fish_complete CFY_WORDS="$words" CFY_WORD=(commandline -t) cfy 2>/dev/null)
        set -l parts (string split \\t -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -t)
            case file
                __fish_complete_path (commandline -t)
            case plain
                printf "%s\\t%s\\n" $parts[2] "$parts[3]"
        end
    end
end
complete --no-files --command cfy --arguments "(_cfy_complete)"
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


class _Completion(ShellComplete):
    """Answers in lines of kind, value and meaning, with TABs between them."""

    def source_vars(self) -> Any:
        return {}

    def source(self) -> str:
        return _SCRIPTS[self.name]

    def get_completion_args(self) -> tuple[list[str], str]:
        return os.environ.get("CFY_WORDS", "").split()[1:], os.environ.get("CFY_WORD", "")

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{(item.help or '').replace(chr(10), ' ')}"


def install() -> None:
    """Let click find our shells."""
    for shell in SHELLS:
        add_completion_class(type(shell.capitalize(), (_Completion,), {"name": shell, "source_template": ""}))


def completion_script(shell: str) -> str:
    return _SCRIPTS[shell]
