Register-ArgumentCompleter -Native -CommandName cfy -ScriptBlock {
    param($word, $line, $cursor)
    $before = $line.ToString().Substring(0, [Math]::Min($cursor, $line.ToString().Length))
    $env:COMP_WORDS = $before.Substring(0, $before.Length - $word.Length)
    $env:COMP_CWORD = $word
    $env:_CFY_COMPLETE = "powershell_complete"
    try {
        cfy 2>$null | ForEach-Object {
            $type, $value, $help = $_ -split "`t", 3
            if ($type -in "plain", "part") {
                $tip = if ($help) { $help } else { $value }
                [System.Management.Automation.CompletionResult]::new($value, $value, "ParameterValue", $tip)
            }
        }
    } finally {
        Remove-Item Env:COMP_WORDS, Env:COMP_CWORD, Env:_CFY_COMPLETE
    }
}
