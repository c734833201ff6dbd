"""Models that answer from elsewhere: any OpenAI-compatible endpoint, asked in words and pictures, its replies kept."""

from facevlm.endpoints.frame_questions import ask_about_frames
from facevlm.endpoints.model_client import Message, ModelClient, ModelReply, ModelRequest, OpenAIClient
from facevlm.endpoints.reply_cache import Budget, CachedClient
from facevlm.endpoints.scripted_client import ScriptedClient
from facevlm.endpoints.scripted_server import ScriptedServer

__all__ = [
    "Budget",
    "CachedClient",
    "Message",
    "ModelClient",
    "ModelReply",
    "ModelRequest",
    "OpenAIClient",
    "ScriptedClient",
    "ScriptedServer",
    "ask_about_frames",
]
