# services.hive-agent: what an agent's container of the kind `nixos` is made of.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hive-agent;
  package = name: lib.attrByPath (lib.splitString "." name) null pkgs;
  unknown = lib.filter (name: package name == null) (cfg.settings.packages or [ ]);
in
{
  options.services.hive-agent = {
    enable = lib.mkEnableOption "the harness of a Hive agent, in its container";

    name = lib.mkOption {
      type = lib.types.strMatching "[a-z](-?[a-z0-9])*";
      example = "worker";
      description = "The agent's name: 31 lower-case letters, digits and single hyphens at most, beginning with a letter.";
    };

    settings = lib.mkOption {
      type = lib.types.attrsOf lib.types.anything;
      default = { };
      example = lib.literalExpression "builtins.fromTOML (builtins.readFile ./agent.toml)";
      description = "The agent's `agent.toml`. Of it only `packages` is read here; the rest is core's and the harness's.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = lib.stringLength cfg.name <= 31;
        message = "services.hive-agent.name has more than 31 characters.";
      }
      {
        assertion = unknown == [ ];
        message = "agent.toml names packages that nixpkgs does not have: ${lib.concatStringsSep ", " unknown}.";
      }
    ];

    boot.isNspawnContainer = true;
    system.stateVersion = lib.mkDefault "26.05";
    # There is a loopback interface and nothing else.
    networking.hostName = cfg.name;
    networking.useDHCP = false;
    networking.useHostResolvConf = lib.mkForce false;
    networking.firewall.enable = false;
    nix.enable = lib.mkDefault (cfg.settings.nix or false);
    documentation.enable = lib.mkDefault false;

    users.users.agent = {
      uid = 60610;
      group = "agent";
      isSystemUser = true;
      home = "/agents/${cfg.name}/state";
      useDefaultShell = true;
    };
    users.groups.agent.gid = 60610;

    environment.systemPackages = map package (lib.subtractLists unknown (cfg.settings.packages or [ ]));
    # Not as a file in /etc: an agent.nix may say more.
    programs.git.enable = true;
    programs.git.config = {
      user.name = lib.mkDefault cfg.name;
      user.email = lib.mkDefault "${cfg.name}@hive";
      init.defaultBranch = lib.mkDefault "main";
      safe.directory = lib.mkDefault "*";
    };

    # Nothing that a container writes is opened as a journal on the host: what it logs goes to the console.
    services.journald.extraConfig = ''
      Storage=volatile
      RuntimeMaxUse=16M
      ForwardToConsole=yes
      MaxLevelConsole=notice
      Audit=no
    '';

    systemd.units."hive-agent.service" = {
      wantedBy = [ "multi-user.target" ];
      text =
        builtins.readFile ../hive_core/containers/units/hive-agent.service
        + ''

          [Service]
          Environment=HIVE_AGENT=${cfg.name}
        '';
    };
  };
}
