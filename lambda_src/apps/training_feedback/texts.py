"""What the bot says, by language. The prompts for slots are in the module's `locales/`."""

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "unknown_topic": "I have no training on “{topic}”. You can learn about: {topics}.",
        "unknown_level": "There is no level “{level}”. The levels are: {levels}.",
        "other_level": "There is nothing at the level {wanted}, so this is the level {level}.",
        "after": "Say “feedback” to tell me what you think of it, or name the next topic.",
        "thanks": "Thank you for your feedback.",
        "next_level": "Next time your training on {topic} is at the level {level}.",
        "help": "I did not understand. Say “teach me” and a topic, or “feedback”. The topics are: {topics}.",
    },
    "es": {
        "unknown_topic": "No tengo formación sobre «{topic}». Puedes aprender sobre: {topics}.",
        "unknown_level": "No existe el nivel «{level}». Los niveles son: {levels}.",
        "other_level": "No hay nada en el nivel {wanted}; este es el nivel {level}.",
        "after": "Di «comentarios» para darme tu opinión, o el siguiente tema.",
        "thanks": "Gracias por tus comentarios.",
        "next_level": "La próxima vez tu formación sobre {topic} será del nivel {level}.",
        "help": "No te he entendido. Di «enséñame» y un tema, o «comentarios». Los temas son: {topics}.",
    },
}


def say(language: str, name: str, **values: str) -> str:
    """Return a sentence in a language, or in English if there is none in it."""
    return TEXTS.get(language, TEXTS["en"])[name].format(**values)
