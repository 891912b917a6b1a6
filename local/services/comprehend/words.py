"""Languages by script and frequent words; sentiment by words of praise and complaint, and by what negates them."""

from __future__ import annotations

import re

SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),  # before Chinese: Japanese has characters of both
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
FREQUENT = {
    "en": "the this is are was and of to in it you your i my we not a for with have has but very service hello",
    "de": "der die das ist sind war und von zu mit ich mein wir nicht ein eine für haben hat aber sehr ihr",
    "fr": "le la les est sont était et de du des à je mon nous ne pas un une pour avec avez mais très ce cette",
    "es": "el la los es son era y de del que yo mi nosotros no un una para con tiene pero muy este esta",
    "it": "il lo la è sono era e di del che io mio noi non un una per con ha ma molto questo questa",
    "pt": "o a os é são era e de do que eu meu nós não um uma para com tem mas muito este esta",
    "nl": "de het een is zijn was en van ik mijn wij niet voor met heeft maar zeer dit deze",
    "pl": "jest są był i z do w na nie się to że ja mój dla ma ale bardzo ten ta",
}
PRAISE = {
    "en": "good great excellent love lovely wonderful thanks thank happy perfect helpful friendly pleased",
    "de": "gut guter gute großartig ausgezeichnet danke zufrieden perfekt hilfreich freundlich",
    "fr": "bon bonne excellent merci parfait content satisfait aimable génial",
    "es": "bueno buena excelente gracias perfecto contento amable genial",
    "it": "buono buona ottimo ottima eccellente grazie perfetto contento gentile",
    "pt": "bom boa excelente obrigado obrigada perfeito contente amável ótimo",
    "ja": "良い 素晴らしい ありがとう",
    "zh": "好 优秀 谢谢",
    "ko": "좋은 훌륭한 감사합니다",
    "ar": "جيد ممتاز شكرا",
    "hi": "अच्छा धन्यवाद",
}
COMPLAINT = {
    "en": "bad terrible awful horrible hate broken worst poor rude angry disappointed disappointing useless never",
    "de": "schlecht schlechter schlechte furchtbar schrecklich kaputt unhöflich wütend enttäuscht nutzlos",
    "fr": "mauvais mauvaise terrible horrible cassé impoli déçu déçue inutile nul",
    "es": "malo mala terrible horrible roto grosero decepcionado inútil peor pésimo",
    "it": "cattivo cattiva pessimo pessima terribile orribile rotto deluso inutile peggiore",
    "pt": "mau má péssimo péssima terrível horrível quebrado decepcionado inútil pior",
    "ja": "悪い ひどい 最悪",
    "zh": "差 糟糕 坏",
    "ko": "나쁜 끔찍한 최악",
    "ar": "سيئ فظيع",
    "hi": "बुरा खराब",
}
NEGATIONS = frozenset(["not", "no", "never", "nicht", "kein", "keine", "ne", "pas", "sin", "non", "não", "nunca"])
PERSONAL = (
    ("EMAIL", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("CREDIT_DEBIT_NUMBER", re.compile(r"\b(?:\d{4}[ -]){3}\d{4}\b")),
    ("SSN", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    ("PHONE", re.compile(r"\+\d[\d /-]{6,}\d")),
)
_WORD = re.compile(r"\w+")
_SPACELESS = ("ja", "zh")


def languages(text: str) -> list[tuple[str, float]]:
    """Return languages with their scores, the likeliest first; none for a text without letters."""
    letters = [character for character in text if character.isalpha()]
    for code, script in SCRIPTS:
        share = len(script.findall(text)) / max(len(letters), 1)
        if share > 0.3:
            return [(code, 0.99)]
    if not letters:
        return []
    words = _WORD.findall(text.lower())
    found = {code: sum(word in _set(FREQUENT, code, PRAISE, COMPLAINT) for word in words) for code in FREQUENT}
    total = sum(found.values())
    if not total:
        return [("en", 0.3)]
    ranked = sorted(found, key=lambda code: -found[code])
    return [(code, round(found[code] / total, 4)) for code in ranked if found[code]]


def personal(text: str) -> list[tuple[str, int, int]]:
    """Return the personal data in a text: type, begin and end."""
    found = [(kind, *match.span()) for kind, pattern in PERSONAL for match in pattern.finditer(text)]
    return sorted(found, key=lambda one: one[1])


def phrases(text: str, language: str) -> list[tuple[int, int]]:
    """Return where runs of words begin and end that are neither frequent nor a judgement."""
    common = _set(FREQUENT, language.partition("-")[0], PRAISE, COMPLAINT)
    found: list[tuple[int, int]] = []
    joined = False
    for word in _WORD.finditer(text):
        if word[0].lower() in common:
            joined = False
        elif joined and text[found[-1][1] : word.start()] == " ":
            found[-1] = (found[-1][0], word.end())
        else:
            found.append(word.span())
            joined = True
    return found


def sentiment(text: str, language: str) -> dict[str, float]:
    """Return the scores of the four sentiments."""
    language = language.partition("-")[0]
    words = _WORD.findall(text.lower())
    if language in _SPACELESS:
        praise = sum(text.count(word) for word in _set(PRAISE, language))
        complaint = sum(text.count(word) for word in _set(COMPLAINT, language))
    else:
        praise, complaint = _tally(words, language)
    weights = {
        "Positive": float(praise * 8 if not complaint else praise),
        "Negative": float(complaint * 8 if not praise else complaint),
        "Neutral": 1.0,
        "Mixed": float(min(praise, complaint) * 8),
    }
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _tally(words: list[str], language: str) -> tuple[int, int]:
    """Return the numbers of words of praise and of complaint; a negation just before a word turns it round."""
    praise = complaint = 0
    for index, word in enumerate(words):
        negated = not NEGATIONS.isdisjoint(words[max(0, index - 2) : index])
        if word in _set(PRAISE, language):
            praise, complaint = praise + (not negated), complaint + negated
        elif word in _set(COMPLAINT, language):
            praise, complaint = praise + negated, complaint + (not negated)
    return praise, complaint


def _set(lists: dict[str, str], language: str, *more: dict[str, str]) -> set[str]:
    return {word for one in (lists, *more) for word in one.get(language, "").split()}
