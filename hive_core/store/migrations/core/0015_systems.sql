ALTER TABLE agents ADD COLUMN system TEXT;  -- the NixOS system in the store that the container boots
