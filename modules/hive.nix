# services.hive: a hive host. Its units are those that `hive up` boots, word for word.
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

  domain = cfg.dashboard.hostName;
  socket = "/run/hive-web/dashboard.sock";
  address = if domain == null then "http://127.0.0.1:${toString cfg.dashboard.port}" else "https://${domain}";

  settings = {
    core = {
      inherit (cfg) name;
      dashboard = address;
      containers = "nixos";
    }
    // lib.optionalAttrs (cfg.nixpkgs != null) { inherit (cfg) nixpkgs; }
    // lib.optionalAttrs (cfg.retention != { }) { inherit (cfg) retention; };
    web =
      if domain == null then
        { inherit (cfg.dashboard) port; }
      else
        {
          unix_socket = socket;
          secure = true;
          allowed_hosts = [ domain ];
        };
    gateway = lib.optionalAttrs (cfg.egress != { }) { inherit (cfg) egress; };
  };
  # What a file may say is in its daemon, and nowhere here: a mistake is told when the machine is built.
  checked =
    name: check: content:
    pkgs.runCommand "${name}.toml" { source = toml.generate "${name}.toml" content; } ''
      cp "$source" "$out"
      ${cfg.package}/bin/python3 -I -c 'import sys; sys.tracebacklimit = 0; ${check}' "$out"
    '';
  configs = lib.mapAttrs (
    name: checked name "from pathlib import Path; from hive_${name} import config; config.load(Path(sys.argv[1]))"
  ) settings;
  declared = lib.mapAttrs (
    name: checked name "from hive_core.agents import config; config.parse(open(sys.argv[1]).read())"
  ) cfg.agents;

  secrets = lib.concatLists (
    lib.mapAttrsToList (
      name: account:
      lib.optional (account.apiKeyFile != null) {
        credential = "account_${name}.api-key";
        file = account.apiKeyFile;
      }
      ++ lib.optional (account.setupTokenFile != null) {
        credential = "account_${name}.setup-token";
        file = account.setupTokenFile;
      }
    ) cfg.accounts
  );

  # What of it is read at the start: a change restarts the unit. Containers live on meanwhile.
  reads = {
    "hive-core.service" = [ settings.core ] ++ lib.attrValues declared;
    "hive-web.service" = [ settings.web ];
    "hive-gateway.service" = [ settings.gateway ];
  };
  more."hive-core.service" = lib.optionalString (cfg.metrics.tokenFile != null) (load {
    credential = "metrics-token";
    file = cfg.metrics.tokenFile;
  });
  more."hive-gateway.service" =
    lib.concatMapStrings load secrets
    + lib.optionalString (cfg.proxy != null) "Environment=HTTPS_PROXY=${cfg.proxy}\n";
  load = secret: "LoadCredential=${secret.credential}:${secret.file}\n";
  inStore = file: file != null && lib.hasPrefix builtins.storeDir file;
  # The state is bound below, from where it is; the rest as it is.
  files = lib.remove "var-lib-hive.mount" (lib.attrNames (builtins.readDir ../hive_cli/up/units));
  unit = name: {
    wantedBy =
      lib.optional (lib.hasSuffix ".service" name && !lib.hasInfix "@" name) "multi-user.target"
      ++ lib.optional (lib.hasSuffix ".socket" name) "sockets.target";
    text =
      builtins.readFile (../hive_cli/up/units + "/${name}")
      + ''

        [Unit]
        X-Restart-Triggers=${cfg.package} ${builtins.hashString "sha256" (builtins.toJSON (reads.${name} or [ ]))}
      ''
      + lib.optionalString (more.${name} or "" != "") "\n[Service]\n${more.${name}}";
  };

  # As core has it (hive_rpc/types.py, hive_rpc/accounts.py): what it would refuse is refused when the machine is built.
  named = what: most: {
    assertion = lib.all (name: builtins.match "[a-z](-?[a-z0-9])*" name != null && lib.stringLength name <= most) (
      lib.attrNames cfg.${what}
    );
    message = "services.hive.${what}: names are ${toString most} lower-case letters, digits and single hyphens at most, beginning with a letter.";
  };
  overlay = config.system.etc.overlay or { };

  secretFile =
    example: description:
    lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "/[^[:space:]:]+");
      default = null;
      inherit example;
      description = "${description} Not a path in the Nix store.";
    };
  accountFile = what: secretFile "/run/secrets/anthropic" "A file with ${what}, which only the gateway reads.";
in
{
  options.services.hive = {
    enable = lib.mkEnableOption "Hive, a host for long-lived AI coding agents";

    package = lib.mkOption {
      type = lib.types.package;
      description = "A Python environment that has Hive; it is what lies at `/opt/hive`, on the host and in every container.";
      example = lib.literalExpression "hive.packages.x86_64-linux.environment";
    };

    source = lib.mkOption {
      type = lib.types.path;
      description = "Hive's flake, from which agents' containers have their module.";
      example = lib.literalExpression "inputs.hive";
    };

    nixpkgs = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = null;
      example = "github:NixOS/nixpkgs/nixos-26.05";
      description = "Where agents' containers have their packages from until `hive inputs update` is approved, as a flake reference; without it the release that Hive was made with.";
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
        description = "Where the dashboard listens, on 127.0.0.1 only. Of no effect with `hostName`.";
      };
      hostName = lib.mkOption {
        type = lib.types.nullOr lib.types.str;
        default = null;
        example = "hive.example.org";
        description = "The one domain that it is reached at, over TLS through nginx; without it only from this machine.";
      };
    };

    agents = lib.mkOption {
      type = lib.types.attrsOf (lib.types.attrsOf lib.types.anything);
      default = { };
      example = {
        worker = {
          model = "opus";
          limits.memory_mib = 2048;
        };
      };
      description = "Agents that are made with the machine: each is the content of its `agent.toml`, as `docs/agent-toml.md` has it. What is declared otherwise later is carried out when hive-core starts again; what operators decided meanwhile stays until then. An agent that is declared no more lives on.";
    };

    accounts = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule {
          options = {
            apiKeyFile = accountFile "an API key";
            setupTokenFile = accountFile "a subscription's token, as `claude setup-token` prints it";
          };
        }
      );
      default = { };
      example = {
        default.apiKeyFile = "/run/secrets/anthropic";
      };
      description = "What agents' requests are paid with, by name; an agent that names none uses `default`. Others can be added with `hive account`.";
    };

    metrics.tokenFile = secretFile "/run/secrets/hive-metrics" "A file with the token with which Prometheus reads `/metrics` of the dashboard, as its bearer token, and nothing else: 32 to 1024 letters and digits, as `openssl rand -hex 32` prints them. systemd reads it when hive-core starts, so that it may be another user's, and a new token needs `systemctl restart hive-core`.";

    memory = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = "85%";
      example = "24G";
      description = "What all agents together may use of the machine's memory (`MemoryMax=` of machine.slice); null is all of it. What each may use is in its `agent.toml`.";
    };

    egress = lib.mkOption {
      type = lib.types.attrsOf lib.types.anything;
      default = { };
      example = {
        connections_per_agent = 32;
        bytes_per_day = 10737418240;
      };
      description = "`[egress]` of `gateway.toml`: what each agent may use of the way out. Where it leads to is in its `agent.toml`.";
    };

    proxy = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = config.networking.proxy.httpsProxy or null;
      defaultText = lib.literalExpression "config.networking.proxy.httpsProxy";
      example = "http://proxy.example.org:3128";
      description = "The site's proxy, for the gateway's connections.";
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
        assertion = !lib.any (secret: inStore secret.file) secrets;
        message = "services.hive.accounts has a file in the Nix store, which everybody can read. Put the secret elsewhere and write its path as a string.";
      }
      {
        assertion = !inStore cfg.metrics.tokenFile;
        message = "services.hive.metrics.tokenFile is in the Nix store, which everybody can read. Put the token elsewhere and write its path as a string.";
      }
      {
        assertion = lib.all (a: (a.apiKeyFile == null) != (a.setupTokenFile == null)) (lib.attrValues cfg.accounts);
        message = "Each of services.hive.accounts needs one of apiKeyFile and setupTokenFile, and not both.";
      }
      {
        assertion = lib.versionAtLeast config.system.stateVersion "22.05";
        message = "services.hive needs system.stateVersion 22.05 or later: before, NixOS has its containers in other directories.";
      }
      {
        assertion = domain == null || config.services.nginx.enable;
        message = "services.hive.dashboard.hostName needs nginx: set services.nginx.enable = true.";
      }
      {
        assertion = lib.all (name: config.users.users ? ${name}) cfg.operators;
        message = "services.hive.operators names users that users.users does not have.";
      }
      (named "agents" 31)
      (named "accounts" 40)
      {
        # Core writes containers' settings while the machine runs, as nixos-container does.
        assertion = !(overlay.enable or false) || (overlay.mutable or true);
        message = "services.hive makes containers in /etc/nixos-containers, and system.etc.overlay.mutable = false leaves no /etc that can be written: set it to true.";
      }
    ];

    boot.enableContainers = true;
    # Each agent's state is a file system in an image.
    boot.kernelModules = [ "loop" ];
    # Of a container that has booted there are five; the kernel's own limit is 128.
    boot.kernel.sysctl."fs.inotify.max_user_instances" = lib.mkDefault 8192;

    users.users =
      lib.mapAttrs (name: uid: {
        inherit uid;
        group = name;
        isSystemUser = true;
        description = "Hive";
      }) ids
      // lib.optionalAttrs (domain != null) { ${config.services.nginx.user}.extraGroups = [ "hive-web" ]; };
    users.groups = lib.mapAttrs (_: gid: { inherit gid; }) ids // {
      hive-operators = {
        gid = operators;
        members = cfg.operators;
      };
    };

    environment.systemPackages = [
      cfg.package
      pkgs.git
      pkgs.e2fsprogs
    ];
    environment.etc =
      lib.mapAttrs' (name: source: {
        name = "hive/${name}.toml";
        value = { inherit source; };
      }) configs
      // lib.mapAttrs' (name: source: {
        name = "hive/agents/${name}.toml";
        value = { inherit source; };
      }) declared
      // {
        "hive/flake".source = cfg.source;
      };

    # Agents own files in there: id-mapped, a container can leave one that is set-uid root on this file system. Not in
    # `fileSystems`, all of which is left out of a virtual machine that is made of the configuration.
    systemd.mounts = [
      {
        description = "State of the hive";
        what = "/var/lib/hive";
        where = "/var/lib/hive";
        type = "none";
        options = "bind,nosuid,nodev";
        wantedBy = [ "local-fs.target" ];
      }
    ];
    systemd.tmpfiles.rules = [
      "d /var/lib/hive 0700 root root -"
      "d /var/lib/nixos-containers 0700 root root -"
      # Operators put secrets in here; a container is handed those that its agent.toml names.
      "d /var/lib/hive-secrets 0700 root root -"
      "d /etc/nixos-containers 0755 root root -"
      "L+ /opt/hive - - - - ${cfg.package}"
    ];

    # It has what agents write to their consoles: not more of the machine's disk than this, and no long lines, because
    # their number is what is limited below. What the machine's own configuration says of it comes later and wins.
    services.journald.extraConfig = lib.mkBefore ''
      SystemMaxUse=1G
      LineMax=8K
    '';

    systemd.units = lib.genAttrs files unit;
    # Of every container of the machine: NixOS has one template for all of them.
    systemd.services."container@" = {
      # An agent's last words need core, its turn the gateway, and nspawn asks machined to forget the machine.
      after = [
        "hive-core.service"
        "hive-gateway.service"
        "systemd-machined.service"
      ];
      serviceConfig = {
        # Longer than the TimeoutStopSec of the harness in it.
        TimeoutStopSec = 60;
        # A line that says "<0>" would be shown on every terminal of the machine.
        SyslogLevelPrefix = false;
        # One container must not push everything else out of the journal.
        LogRateLimitIntervalSec = 30;
        LogRateLimitBurst = 200;
        # machined keeps the machine of an nspawn that was killed, and would refuse the next one of that name.
        ExecStopPost = "-/bin/sh -c 'test \"$$SERVICE_RESULT\" = success || exec busctl --quiet call org.freedesktop.machine1 /org/freedesktop/machine1 org.freedesktop.machine1.Manager UnregisterMachine s %i 2>/dev/null'";
      };
    };
    systemd.slices.machine.sliceConfig = lib.mkIf (cfg.memory != null) { MemoryMax = cfg.memory; };

    services.nginx.virtualHosts = lib.mkIf (domain != null) {
      ${domain} = {
        forceSSL = true;
        enableACME = lib.mkDefault true;
        locations."/" = {
          proxyPass = "http://unix:${socket}:";
          # The dashboard compares the host with the origin, counts sign-ins by address, and keeps live streams open.
          # Not $http_host: the check of nginx's configuration at its build refuses that (gixy, host_spoofing).
          recommendedProxySettings = false;
          extraConfig = ''
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Connection "";
            proxy_read_timeout 60s;
          '';
        };
      };
    };
  };
}
