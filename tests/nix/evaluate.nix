# Evaluates a module of ours with a configuration, and gives what it sets and which assertions fail.
{
  lib,
  module,
  configuration,
}:
let
  lib' = import lib;
  said = builtins.fromJSON configuration;
  pkgs = {
    formats.toml = _: { generate = _: value: value; };
    runCommand = _: given: script: given // { inherit script; };
    git = "git";
    e2fsprogs = "e2fsprogs";
    ripgrep = "ripgrep";
    python3Packages.black = "black";
  };
  evaluated = lib'.evalModules {
    specialArgs = { inherit pkgs; };
    modules = [
      ./stubs.nix
      module
      said
    ]
    ++ lib'.optional (said.services ? hive) {
      services.hive.source = "/hive";
      services.hive.package = {
        type = "derivation";
        name = "hive-environment";
        outPath = "/nix/store/hive-environment";
      };
    };
  };
  set = evaluated.config;
in
{
  failed = map (a: a.message) (lib'.filter (a: !a.assertion) set.assertions);
  inherit (set)
    boot
    environment
    systemd
    users
    networking
    programs
    ;
  journald = set.services.journald;
  virtualHosts = set.services.nginx.virtualHosts;
  options = lib'.mapAttrs (_: o: { inherit (o) description; }) (
    lib'.filterAttrs (_: o: o ? description) (
      evaluated.options.services.${if evaluated.options.services ? hive then "hive" else "hive-agent"}
    )
  );
}
