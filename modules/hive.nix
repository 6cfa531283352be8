# services.hive: a hive host. Its daemons are the units that `hive up` boots, word for word.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.hive;
  toml = pkgs.formats.toml { };
  # The same numbers on every hive host and in every container: files carry them (hive_base/users.py).
  ids = {
    hive-web = 60601;
    hive-gateway = 60602;
    hive-build = 60603;
    agent = 60610;
  };
  operators = 60600;
  unit = name: more: {
    wantedBy = [ "multi-user.target" ];
    text =
      builtins.readFile (../hive_cli/up/units + "/${name}")
      + ''

        [Unit]
        X-Restart-Triggers=${cfg.package}
      ''
      + more;
  };
  address = if cfg.dashboard.hostName == null then "http://127.0.0.1:${toString cfg.dashboard.port}" else "https://${cfg.dashboard.hostName}";
in
{
  options.services.hive = {
    enable = lib.mkEnableOption "Hive, a host for long-lived AI coding agents";

    package = lib.mkOption {
      type = lib.types.package;
      description = "A Python environment that has Hive; it is what lies at `/opt/hive`, on the host and in every container.";
      example = lib.literalExpression "hive.packages.x86_64-linux.environment";
    };

    name = lib.mkOption {
      type = lib.types.strMatching "[^\"\\\n]{1,60}";
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      example = "home";
      description = "What this hive is called on the dashboard.";
    };

    operators = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [ "ada" ];
      description = "Users of this machine who run the hive from a shell: they may do everything that an admin may.";
    };

    dashboard = {
      port = lib.mkOption {
        type = lib.types.port;
        default = 4483;
        description = "Where the dashboard listens, on 127.0.0.1 only.";
      };
      hostName = lib.mkOption {
        type = lib.types.nullOr lib.types.str;
        default = null;
        example = "hive.example.org";
        description = "The one domain that it is reached at, over TLS through nginx; without it only from this machine.";
      };
    };

    apiKeyFile = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "/.+");
      default = null;
      example = "/run/secrets/anthropic";
      description = "A file with the API key of the account `default`. Only the gateway reads it. Not a path in the Nix store.";
    };

    retention = lib.mkOption {
      type = lib.types.submodule { freeformType = lib.types.attrsOf lib.types.numbers.positive; };
      default = { };
      example = {
        messages = 60;
      };
      description = "For how many days things are kept: `messages`, `events`, `turns`, `dialogue` and `audit`.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.apiKeyFile == null || !lib.hasPrefix builtins.storeDir cfg.apiKeyFile;
        message = "services.hive.apiKeyFile is in the Nix store, which everybody can read. Put the key elsewhere and write its path as a string.";
      }
      {
        assertion = cfg.dashboard.hostName == null || config.services.nginx.enable;
        message = "services.hive.dashboard.hostName needs nginx: set services.nginx.enable = true.";
      }
      {
        assertion = lib.all (name: config.users.users ? ${name}) cfg.operators;
        message = "services.hive.operators names users that users.users does not have.";
      }
    ];

    boot.enableContainers = lib.mkDefault true;

    users.users =
      lib.mapAttrs (name: uid: {
        inherit uid;
        group = name;
        isSystemUser = true;
        description = "Hive";
      }) ids
      // lib.genAttrs cfg.operators (_: {
        extraGroups = [ "hive-operators" ];
      });
    users.groups = lib.mapAttrs (_: gid: { inherit gid; }) (ids // { hive-operators = operators; });

    environment.systemPackages = [ cfg.package ];
    environment.etc = {
      "hive/core.toml".source = toml.generate "core.toml" (
        {
          inherit (cfg) name;
          dashboard = address;
        }
        // lib.optionalAttrs (cfg.retention != { }) { inherit (cfg) retention; }
      );
      "hive/web.toml".source = toml.generate "web.toml" {
        inherit (cfg.dashboard) port;
        secure = cfg.dashboard.hostName != null;
        allowed_hosts = [
          "localhost"
          "127.0.0.1"
        ]
        ++ lib.optional (cfg.dashboard.hostName != null) cfg.dashboard.hostName;
      };
    };

    # Agents own files in there: id-mapped, a container can leave one that is set-uid root on this file system.
    fileSystems."/var/lib/hive" = {
      device = "/var/lib/hive";
      fsType = "none";
      options = [
        "bind"
        "nosuid"
        "nodev"
      ];
    };
    systemd.tmpfiles.rules = [
      "d /var/lib/hive 0700 root root -"
      "d /var/lib/nixos-containers 0700 root root -"
      "d /etc/nixos-containers 0755 root root -"
      "L+ /opt/hive - - - - ${cfg.package}"
    ];

    systemd.units = {
      "hive-core.service" = unit "hive-core.service" "";
      "hive-web.service" = unit "hive-web.service" "";
      "hive-gateway.service" = unit "hive-gateway.service" (
        lib.optionalString (cfg.apiKeyFile != null) ''
          [Service]
          LoadCredential=anthropic-api-key:${cfg.apiKeyFile}
        ''
      );
    };

    services.nginx.virtualHosts = lib.mkIf (cfg.dashboard.hostName != null) {
      ${cfg.dashboard.hostName} = {
        forceSSL = true;
        enableACME = lib.mkDefault true;
        locations."/" = {
          proxyPass = "http://127.0.0.1:${toString cfg.dashboard.port}";
          # Pages are told of events as they happen, over a response that does not end.
          extraConfig = ''
            proxy_buffering off;
            proxy_read_timeout 1h;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
          '';
        };
      };
    };
  };
}
