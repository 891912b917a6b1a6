"""lex base URL and path: both APIs of Lex V2 have one signing name."""

from .responses import LexResponse

url_bases = [r"https?://(?:lex|models-v2-lex|runtime-v2-lex)\.(.+)\.amazonaws\.com"]

url_paths = {"{0}/.*$": LexResponse.dispatch}
