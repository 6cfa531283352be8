# A hive on one NixOS machine, without a network: a declared agent's container is built, boots, and answers through the
# stand-in model. `nix flake check`, or `nix build .#checks.x86_64-linux.vm`.
{ nixpkgs, hive }:
{
  name = "hive";
  nodes.machine =
    { pkgs, ... }:
    let
      system = pkgs.stdenv.hostPlatform.system;
      # What the meta flake builds of the declared agent. Built before, because there is no network in the machine: so
      # from the same flake reference, of which nixpkgs takes what a system says of its version.
      reference = "path:${nixpkgs}";
      locked = builtins.unsafeDiscardStringContext "${reference}?narHash=${nixpkgs.narHash}";
      worker = (builtins.getFlake locked).lib.nixosSystem {
        inherit system;
        modules = [
          hive.nixosModules.agent
          {
            services.hive-agent = {
              enable = true;
              name = "worker";
            };
          }
        ];
      };
    in
    {
      imports = [ hive.nixosModules.default ];
      virtualisation.memorySize = 4096;
      virtualisation.diskSize = 16384;
      # The store is bound into containers with other ids, which neither 9p nor an overlay can do: it is on the disk.
      virtualisation.useBootLoader = true;
      virtualisation.useEFIBoot = true;
      boot.loader.systemd-boot.enable = true;
      boot.growPartition = true;
      virtualisation.fileSystems."/".autoResize = true;
      virtualisation.additionalPaths = [
        worker.config.system.build.toplevel
        nixpkgs
      ];
      nix.settings.substituters = pkgs.lib.mkForce [ ];
      nix.settings.experimental-features = [
        "nix-command"
        "flakes"
      ];
      services.hive = {
        enable = true;
        nixpkgs = reference;
        agents.worker = { };
      };
    };
  testScript = ''
    import json

    machine.wait_for_unit("hive-core.service")
    machine.wait_for_unit("hive-gateway.service")
    machine.wait_for_open_port(4483)
    assert "nosuid,nodev" in machine.succeed("findmnt --noheadings --output OPTIONS /var/lib/hive")
    machine.wait_until_succeeds("hive status --json | grep -q '\"name\": \"worker\"'", timeout=900)
    assert "42" in machine.succeed("hive send worker 'what is 6*7?' --wait")

    # Root in the container is nobody on the machine.
    (worker,) = json.loads(machine.succeed("hive status --json"))["agents"]
    leader = machine.succeed(f"machinectl show --value --property=Leader {worker['machine']}").strip()
    assert machine.succeed(f"cut -c1-10 /proc/{leader}/uid_map").strip() == "0"
    assert machine.succeed(f"awk '{{ print $2 }}' /proc/{leader}/uid_map").strip() != "0"

    # What is declared is carried out once: a core that starts again adopts it.
    machine.succeed("systemctl kill --signal=KILL hive-core.service")
    assert "42" in machine.wait_until_succeeds("hive send worker 'what is 6*7?' --wait", timeout=120)
  '';
}
