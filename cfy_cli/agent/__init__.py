"""The program that runs operations for a manager, on its workers and on the hosts of agents.

It receives operations from queues of RabbitMQ or Redis, runs them with the engine of the manager, and reads and changes
what belongs to them over HTTP.
"""
