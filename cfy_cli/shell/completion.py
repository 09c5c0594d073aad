"""TAB in a shell: what the shell is told to do, and how it is answered.

The protocol and the scripts are our own, so that they stay the same whichever click is installed.
"""

import os
from typing import Any

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    _resolve_context,
    _resolve_incomplete,
    add_completion_class,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish", "powershell")

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

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName cfy -ScriptBlock {
    param($word, $line, $cursor)
    $before = $line.ToString().Substring(0, [Math]::Min($cursor, $line.ToString().Length))
    $env:CFY_WORDS = $before.Substring(0, $before.Length - $word.Length)
    $env:CFY_WORD = $word
    $env:_CFY_COMPLETE = "powershell_complete"
    try {
        cfy 2>$null | ForEach-Object {
            $kind, $value, $meaning = $_ -split "`t", 3
            if ($kind -eq "plain") {
                $tip = if ($meaning) { $meaning } else { $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $tip)
            }
        }
    } finally {
        Remove-Item Env:CFY_WORDS, Env:CFY_WORD, Env:_CFY_COMPLETE
    }
}
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}
_SUFFIXES = {"powershell": "ps1"}


class _Completion(ShellComplete):
    """Answers in lines of kind, value and meaning, with TABs between them."""

    def source_vars(self) -> Any:
        return {}

    def source(self) -> str:
        return _SCRIPTS[self.name]

    def get_completion_args(self) -> tuple[list[str], str]:
        words = [word for word in split_arg_string(os.environ.get("CFY_WORDS", "")) if word != "="]
        return words[1:], os.environ.get("CFY_WORD", "").removeprefix("=")

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        ctx = _resolve_context(self.cli, self.ctx_args, self.prog_name, args)
        wanted, incomplete = _resolve_incomplete(ctx, args, incomplete)
        found = wanted.shell_complete(ctx, incomplete)
        if found or not isinstance(wanted, click.Parameter):
            return found
        from cfy_cli.shell.completion_values import live_names

        return [CompletionItem(name) for name in live_names(ctx, wanted, incomplete)]

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type}\t{item.value}\t{(item.help or '').replace(chr(10), ' ')}"


def install() -> None:
    """Let click find our shells."""
    for shell in SHELLS:
        add_completion_class(type(shell.capitalize(), (_Completion,), {"name": shell, "source_template": ""}))


def completion_script(shell: str) -> str:
    return _SCRIPTS[shell]


def file_name(shell: str) -> str:
    """What the script is called where it is kept as a file."""
    return f"cfy.{_SUFFIXES.get(shell, shell)}"
