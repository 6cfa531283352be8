# docs/options.md, from the options of both modules. `lib` is nixpkgs' own, given as a path.
{ lib }:
let
  lib' = import lib;
  stub = {
    options.networking.hostName = lib'.mkOption { };
    options.assertions = lib'.mkOption { };
  };
  evaluated = lib'.evalModules {
    specialArgs.pkgs = {
      formats.toml = _: { };
    };
    modules = [
      stub
      ./hive.nix
      ./agent.nix
      { _module.check = false; }
    ];
  };
  ours = lib'.filter (o: lib'.hasPrefix "services.hive" o.name && !o.internal && o.visible != false) (
    lib'.optionAttrSetToDocList evaluated.options
  );
  text = value: if value ? _type then value.text else lib'.generators.toPretty { } value;
  line = what: option: name: lib'.optionalString (option ? ${name}) "* ${what}: `${text option.${name}}`\n";
  section = option: ''
    ## ${option.name}

    ${option.description}

    * type: ${option.type}
    ${line "default" option "default"}${line "example" option "example"}'';
in
''
  # Options of the NixOS modules

  <!-- Generated from modules/hive.nix and modules/agent.nix; a test fails when it is stale. -->

''
+ lib'.concatMapStringsSep "\n" section (lib'.sort (a: b: a.name < b.name) ours)
