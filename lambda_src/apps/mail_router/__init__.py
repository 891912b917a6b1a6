"""Forward the mails of a mailbox by their language, and keep the originals."""
