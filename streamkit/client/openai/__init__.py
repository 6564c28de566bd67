"""OpenAI's chat completions and Responses APIs, and all that speak them."""
