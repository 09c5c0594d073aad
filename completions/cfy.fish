function _cfy_complete
    set -l words (commandline -opc)
    for line in (env _CFY_COMPLETE=fish_complete CFY_WORDS="$words" CFY_WORD=(commandline -t) cfy 2>/dev/null)
        set -l parts (string split \t -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -t)
            case file
                __fish_complete_path (commandline -t)
            case plain
                printf "%s\t%s\n" $parts[2] "$parts[3]"
        end
    end
end
complete --no-files --command cfy --arguments "(_cfy_complete)"
