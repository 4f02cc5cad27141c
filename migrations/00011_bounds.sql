-- Whose part of a conversation began or ended lately. Every feed asks that with the changes it reads, so that who was
-- removed gets none of what came after, however late this node hears of the removal. Most members have seen everything
-- from the beginning and are still there: they are not in it.

-- +goose Up
CREATE INDEX members_bounds ON members (conversation_id, greatest(from_change, until_change))
    WHERE greatest(from_change, until_change) > 0;

-- +goose Down
DROP INDEX members_bounds;
