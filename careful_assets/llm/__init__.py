"""The language-model client: requests, their journal and dispatch; generators and judges use it alike."""
