# What of this agent is NixOS. agent.toml is read by the hive itself; put here what it has no key for.
{ ... }:
{
}
