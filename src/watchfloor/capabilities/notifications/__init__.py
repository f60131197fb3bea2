"""Tell the right people, once, at a good hour: by email, webhook, Slack and in their inbox."""
