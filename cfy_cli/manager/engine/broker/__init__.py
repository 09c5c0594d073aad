"""Operations as tasks of Celery: their messages, and the executor that sends them to RabbitMQ or Redis."""
