{
  description = "Hive: a host for long-lived AI coding agents";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make (packagesFor system));
      packagesFor =
        system:
        import nixpkgs {
          inherit system;
          # Agents run Claude Code, which is not free software; nothing else that is unfree gets in.
          config.allowUnfreePredicate = package: nixpkgs.lib.getName package == "claude-code";
        };
    in
    {
      packages = forEach (pkgs: rec {
        hive = pkgs.callPackage ./modules/package.nix { };
        # What lies at /opt/hive: bin/python3 with Hive in it, and bin/hive.
        environment = pkgs.python3.withPackages (_: [ (pkgs.python3Packages.toPythonModule hive) ]);
        default = hive;
      });

      nixosModules = {
        default =
          { lib, pkgs, ... }:
          {
            imports = [ ./modules/hive.nix ];
            services.hive.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.environment;
            services.hive.source = lib.mkDefault self.outPath;
          };
        agent = ./modules/agent.nix;
      };

      checks = forEach (pkgs: {
        # One machine with a hive on it; a declared agent answers through the stand-in model.
        vm = pkgs.testers.runNixOSTest (
          import ./tests/nix/vm.nix {
            inherit nixpkgs;
            hive = self;
          }
        );
        # The modules, with nixpkgs' own `lib`.
        modules =
          pkgs.runCommand "hive-modules"
            {
              nativeBuildInputs = [
                pkgs.nix
                (pkgs.python3.withPackages (python: [
                  (python.toPythonModule self.packages.${pkgs.stdenv.hostPlatform.system}.hive)
                  python.pytest-aiohttp
                  python.pytest-timeout
                ]))
              ];
              HIVE_NIXPKGS_LIB = "${nixpkgs}/lib";
            }
            ''
              export HOME=$TMPDIR NIX_STATE_DIR=$TMPDIR/state NIX_STORE_DIR=$TMPDIR/store
              cp --recursive --no-preserve=mode ${self} hive
              cd hive
              python3 -m pytest tests/nix
              touch $out
            '';
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ self.packages.${pkgs.stdenv.hostPlatform.system}.hive ];
          packages = with pkgs; [
            chromium
            git
            python3Packages.hypothesis
            python3Packages.import-linter
            python3Packages.mypy
            python3Packages.playwright
            python3Packages.pytest
            python3Packages.pytest-aiohttp
            python3Packages.pytest-timeout
            ruff
          ];
        };
      });
    };
}
