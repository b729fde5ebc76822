from mmselfhuman.models.pose.associative_embedding import pull_and_push

__all__ = ["pull_and_push"]
