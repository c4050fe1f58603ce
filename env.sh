# source env.sh: find the core from anywhere, and use .venv where there is one. For bash and zsh; changes nothing else.
if [ -n "${ZSH_VERSION:-}" ]; then
  _recital_root=$(cd -P -- "$(dirname -- "${(%):-%x}")" >/dev/null && pwd)  # with CDPATH set, cd prints
else
  _recital_root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" >/dev/null && pwd)
fi
case ":${PYTHONPATH:-}:" in
  *":$_recital_root:"*) ;;
  *) export PYTHONPATH="$_recital_root${PYTHONPATH:+:$PYTHONPATH}" ;;
esac
if [ -f "$_recital_root/.venv/bin/activate" ]; then
  . "$_recital_root/.venv/bin/activate"
fi
unset _recital_root
