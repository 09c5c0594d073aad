"""Completion scripts of shells: click's, changed to complete keys and files together; and one for PowerShell."""

BASH = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response completion type value path files= word=${COMP_WORDS[COMP_CWORD]}

    response=$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete $1)

    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) files=1 ;;
            part) COMPREPLY+=("$value"); compopt -o nospace ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done

    if [[ $files && ${#COMPREPLY[@]} == 0 ]]; then
        compopt -o default
    elif [[ $files ]]; then
        compopt -o nospace
        while read -r path; do
            [[ -d $path ]] && path+=/
            COMPREPLY+=("$(printf %%q "$path")")
        done < <(compgen -f -- "$word")
    fi
    return 0
}

%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s
}

%(complete_func)s_setup;
"""
ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a completions described parts described_parts response
    (( ! $+commands[%(prog_name)s] )) && return 1

    local -x COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) %(complete_var)s=zsh_complete
    response=("${(@f)$(%(prog_name)s)}")

    for type key descr in ${response}; do
        case $type in
            plain) [[ "$descr" == "_" ]] && completions+=("$key") || described+=("$key":"$descr") ;;
            part) [[ "$descr" == "_" ]] && parts+=("$key") || described_parts+=("$key":"$descr") ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done

    [ -n "$described" ] && _describe -V unsorted described -U
    [ -n "$described_parts" ] && _describe -V unsorted described_parts -U -S ''
    [ -n "$completions" ] && compadd -U -V unsorted -a completions
    [ -n "$parts" ] && compadd -U -S '' -V unsorted -a parts
    return 0
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    # autoload from fpath, call function directly
    %(complete_func)s "$@"
else
    # eval/source/. command, register function for later
    compdef %(complete_func)s %(prog_name)s
fi
"""
FISH = """\
function %(complete_func)s;
    set -lx COMP_WORDS (commandline -cp);
    set -lx COMP_CWORD (commandline -t);
    set -l response (env %(complete_var)s=fish_complete %(prog_name)s);

    for completion in $response;
        set -l metadata (string split -m 1 "," $completion);

        if test $metadata[1] = "dir";
            __fish_complete_directories $metadata[2];
        else if test $metadata[1] = "file";
            __fish_complete_path $metadata[2];
        else;
            echo $metadata[2];
        end;
    end;
end;

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)";
"""
POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $line, $cursor)
    $before = $line.ToString().Substring(0, [Math]::Min($cursor, $line.ToString().Length))
    $env:COMP_WORDS = $before.Substring(0, $before.Length - $word.Length)
    $env:COMP_CWORD = $word
    $env:%(complete_var)s = "powershell_complete"
    try {
        %(prog_name)s 2>$null | ForEach-Object {
            $type, $value, $help = $_ -split "`t", 3
            if ($type -in "plain", "part") {
                $tip = if ($help) { $help } else { $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $tip)
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:%(complete_var)s
    }
}
"""
