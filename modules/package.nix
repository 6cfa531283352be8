# Hive as a Python application, with its dependencies from nixpkgs and the Claude SDK at the version of requirements.lock.
{
  lib,
  python3Packages,
  fetchurl,
  claude-code,
}:
let
  claude-agent-sdk = python3Packages.buildPythonPackage rec {
    pname = "claude-agent-sdk";
    version = "0.2.184";
    format = "wheel";
    src = python3Packages.fetchPypi {
      pname = "claude_agent_sdk";
      inherit version;
      format = "wheel";
      dist = "py3";
      python = "py3";
      platform = "manylinux_2_17_x86_64";
      hash = "sha256-QFCcrc5y1i3tbD7YMbvP+/8af+2KGc/hZws6VUGO0Ik=";
    };
    # The wheel brings a CLI that is linked for other distributions. Hive starts the one at this place by its path.
    postInstall = "ln -sf ${lib.getExe claude-code} $out/${python3Packages.python.sitePackages}/claude_agent_sdk/_bundled/claude";
    dontStrip = true;
    dependencies = with python3Packages; [
      anyio
      jsonschema
      mcp
      sniffio
    ];
    pythonImportsCheck = [ "claude_agent_sdk" ];
    meta.license = lib.licenses.mit;
  };
in
python3Packages.buildPythonApplication {
  pname = "hive";
  version = "0.1.0";
  pyproject = true;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../pyproject.toml
      ../hive_agent
      ../hive_base
      ../hive_cli
      ../hive_core
      ../hive_gateway
      ../hive_rpc
      ../hive_web
    ];
  };
  build-system = [ python3Packages.setuptools ];
  dependencies = [
    claude-agent-sdk
  ]
  ++ (with python3Packages; [
    aiohttp
    aiosqlite
    argon2-cffi
    click
    dbus-fast
    gitpython
    jinja2
    mcp
    prometheus-client
    pydantic
    rich
    systemd-python
  ]);
  passthru = { inherit claude-agent-sdk; };
  meta = {
    description = "A host for long-lived AI coding agents";
    mainProgram = "hive";
    platforms = [ "x86_64-linux" ];
  };
}
