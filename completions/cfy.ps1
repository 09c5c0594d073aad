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
