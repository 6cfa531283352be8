# Enough of nixpkgs to build a configuration. What a system is made of is in the file beside this one.
{
  outputs = _: {
    lib.nixosSystem =
      { system, modules }:
      let
        lib.mkForce = value: value;
        open =
          m:
          if builtins.isAttrs m then
            m
          else if builtins.isFunction m then
            m {
              inherit config lib;
              pkgs = { };
            }
          else
            open (import m);
        said = map open modules;
        config = builtins.foldl' (a: b: a // b) { } said // {
          system.build.toplevel = derivation (import ./toplevel.nix { inherit system config said; });
        };
      in
      {
        inherit config;
      };
  };
}
