"""The image node: receives like a PACS, de-identifies in transit, and tells the stream. Only here DICOM's network is spoken.

    gate       listens, and hands each caller to one of the receivers
    receiver   a process that talks to callers: de-identifies, stages, answers
    watcher    a process that takes files from a watched folder, the same way
    writer     makes durable what they have staged, many images in one commit; says when studies have settled

``node`` puts them together. They are processes, since one Python process would use one core; only the writer touches the outbox.
"""
