#compdef goodhoster

_goodhoster_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _GOODHOSTER_COMPLETE=complete_zsh goodhoster)
}

if [[ "${funcstack[1]}" = "_goodhoster" ]]; then
  _goodhoster_completion "$@"
else
  compdef _goodhoster_completion goodhoster
fi
