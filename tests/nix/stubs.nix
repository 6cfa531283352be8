# What nixpkgs' modules declare, as far as ours set it: of any type, so that what was set can be looked at.
{ lib, ... }:
let
  anything = lib.mkOption {
    type = lib.types.attrsOf lib.types.anything;
    default = { };
  };
in
{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      default = [ ];
    };
    boot = anything;
    documentation = anything;
    environment = {
      etc = anything;
      systemPackages = lib.mkOption {
        type = lib.types.listOf lib.types.unspecified;
        default = [ ];
      };
    };
    networking = anything;
    nix = anything;
    programs.git = {
      enable = lib.mkEnableOption "git";
      config = lib.mkOption {
        type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
        default = { };
      };
    };
    services.journald = anything;
    services.nginx = {
      enable = lib.mkEnableOption "nginx";
      user = lib.mkOption { default = "nginx"; };
      virtualHosts = anything;
    };
    system.stateVersion = lib.mkOption { default = "26.05"; };
    system.etc.overlay = {
      enable = lib.mkEnableOption "an overlay on /etc";
      mutable = lib.mkOption { default = true; };
    };
    systemd.mounts = lib.mkOption {
      type = lib.types.listOf (lib.types.attrsOf lib.types.anything);
      default = [ ];
    };
    systemd.services = anything;
    systemd.slices = anything;
    systemd.units = anything;
    systemd.tmpfiles.rules = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
    };
    users.users = anything;
    users.groups = anything;
  };
}
