"""Command groups of the job engine: jobs, tasks, queues, schedules."""
