"""`import wavenetlike`, with this folder on the path as env.sh puts it: another name of core_scripts.wavenetlike."""
import sys

from core_scripts import wavenetlike

sys.modules[__name__] = wavenetlike
