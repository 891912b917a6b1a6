"""Expected errors; each message says what is wrong with which record, without its content."""


class NotAKafkaEvent(Exception):
    """The function was called with something that is not a batch of Kafka records."""


class Malformed(Exception):
    """A record that no retry can make readable."""


class NothingHandled(Exception):
    """No record of the batch was handled: Lambda splits the batch, and parks a record that is alone."""


class NothingRead(Exception):
    """No group of devices could be read: nothing is known about any device."""
