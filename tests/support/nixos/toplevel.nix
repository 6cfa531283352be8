# A system that boots: the files beside this one, for one agent, with its settings.
{ system, config, ... }:
{
  inherit system;
  inherit (config.services.hive-agent) name;
  settings = builtins.toJSON config.services.hive-agent.settings;
  parts = ./.;
  PATH = "/usr/bin:/bin";
  builder = "/bin/sh";
  args = [
    "-ec"
    ''
      mkdir -p $out/bin
      cp -R --no-dereference $parts/etc $out/etc
      chmod -R u+w $out/etc
      grep -rlI placeholder $out/etc | xargs sed -i "s/placeholder/$name/g"
      printf %s "$settings" >$out/etc/settings.json
      printf x86_64-linux >$out/system
      cp $parts/init $parts/activate $out
      cp $parts/switch-to-configuration $out/bin
    ''
  ];
}
