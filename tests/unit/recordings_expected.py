"""How each recorded run of the CLI ended: what the classification must say of it, run by run.

The classes follow docs/claude-cli.md; where a run is not obvious, a comment says why.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from hive_rpc.types import TurnOutcome

_MEASURED: Mapping[TurnOutcome, str] = {
    TurnOutcome.OK: """
        after_error_continue allowed_pattern append_system_prompt_file auto_memory_off autocompact_on bare
        bash_background bash_background_off bash_timeout bwrap_config_ro bwrap_home_ro_config_rw bwrap_no_tmp
        bwrap_ro_root_tmpfs_tmp bwrap_tmp_readonly_cctmpdir bwrap_tmp_readonly_tmpdir bwrap_uid1000
        bwrap_uid1000_skip_permissions compact_after compact_stdin context_size_usage continue_no_session
        continue_other_cwd continue_second disallowed_tools disk_full_config_4096 drop_in_second_request
        drop_mid_then_ok empty_text err_429_then_ok err_529_then_ok fallback_model_404 fallback_model_529
        hook_pretool_block hook_stop_block hooks json_schema longlived_4_turns longlived_compact longlived_errors
        longlived_interrupt longlived_queued_3 mcp_allow_server mcp_appears_mid_turn mcp_big_output mcp_call_180s
        mcp_call_180s_tool_timeout_600s mcp_call_20s_tool_timeout_5s mcp_dies_at_start mcp_dies_in_call
        mcp_no_such_command mcp_not_allowed mcp_ok mcp_slow_start_10s mcp_slow_start_10s_alwaysload
        mcp_slow_start_10s_blocking mcp_slow_start_10s_connect_30s mcp_slow_start_10s_connect_30s_blocking
        mcp_slow_start_10s_connect_30s_noalways mcp_slow_start_10s_timeout_3s mcp_slow_start_3s
        mcp_slow_start_45s_connect_60s mcp_slow_start_45s_connect_60s_timeout_90s mcp_tool_error mcp_tools_limited
        mcp_unknown_tool mcp_wait_tool mcp_wait_tool_tools_limited model_haiku model_opus model_sonnet
        nonroot_allowed nonroot_bypass_mode nonroot_skip_permissions nspawn_readonly nspawn_volatile_overlay
        oauth_ok_no_headers oauth_ok_unified_allowed oauth_ok_unified_warning oauth_watchdog_429_reset_25s ok_text
        ok_unified_headers ok_unified_warning output_json overflow_multi_turn
        overflow_multi_turn_autocompact_off_compact overflow_multi_turn_next partial_messages
        permission_mode_acceptEdits permission_mode_dontAsk resume_fork resume_id session_id_new settings_env
        sighup_tool_continue sigint_stream_continue sigint_tool_continue sigint_twice_tool_continue
        sigint_wait_continue sigkill_group_tool_continue sigkill_stream_continue sigkill_tool_continue
        sigkill_wait_continue sigterm_retry_continue sigterm_stream_continue sigterm_tool sigterm_tool_continue
        sigterm_tool_slow_api_continue sigterm_wait_continue slash_clear slash_context slash_unknown slow_stream_20s
        stall_pings_then_fallback_ok stall_silent_then_fallback_ok stop_context_window subagent system_prompt_file
        tool_bash_allowed tool_bash_default_readonly tool_bash_fail tool_env tool_env_oauth tool_env_scrub
        tools_bash_read tools_empty transcript_garbage transcript_last_line_cut two_continue_a two_continue_after
        two_continue_b watchdog_429_then_ok
    """,
    TurnOutcome.RATE_LIMITED: """
        err_429_plain err_429_retry_after_2 err_429_retry_after_3600 err_429_unified_5h_retry_after
        err_429_unified_5h_should_retry_false fallback_model_429 oauth_429_retry_after_2 oauth_429_unified_5h
        oauth_fallback_429 retries2_429 retries2_429_retry_after_3 retries2_429_retry_after_30 tool_then_429_unified
    """,
    TurnOutcome.OVERLOADED: """
        err_500 err_529 retries0_sse_error_start
    """,
    TurnOutcome.AUTH_FAILED: """
        err_401 err_403 retries0_401
    """,
    TurnOutcome.BUDGET_EXHAUSTED: """
        err_400_credit max_budget
    """,
    TurnOutcome.CONTEXT_OVERFLOW: """
        autocompact_off_env autocompact_off_settings err_400_prompt_too_long
    """,
    # stall_*: the stream went silent, and the CLI gave up after 300 s.
    TurnOutcome.NETWORK: """
        drop_mid_then_fallback_drops err_drop_early err_refused hang_api_timeout_10s hang_api_timeout_900s
        hang_default retries0_refused retries2_drop_mid_nofallback retries2_refused stall_api_timeout_60s_nofallback
        stall_idle_60s_nofallback
    """,
    # session_id_reused: the flag names a conversation that exists; resume_bad_id: the flag is no id at all.
    TurnOutcome.CONFIGURATION: """
        empty_stdin mcp_bad_json mcp_missing_file permission_mode_bypass_root resume_bad_id session_id_reused
        skip_permissions_as_root stream_json_without_verbose system_prompt_missing_file
    """,
    TurnOutcome.BAD_CONVERSATION: """
        hooks_api_error
    """,
    TurnOutcome.INTERRUPTED: """
        sigint_tool
    """,
    TurnOutcome.SESSION_LOST: """
        resume_unknown_id
    """,
    # sigint_*: exit code 0 and no result. bwrap_tmp_readonly: exit code 0 and no output at all.
    # longlived_bad_input: the last turn was well, then the process died of a line that is not JSON.
    TurnOutcome.CRASHED: """
        bwrap_tmp_readonly longlived_bad_input sigint_stream sigkill_group_tool sigkill_stream sigkill_tool
        sigkill_wait sigterm_group_tool sigterm_retry sigterm_stream sigterm_tool_more_tools sigterm_tool_slow_api
    """,
    # Exit code 0 and is_error false.
    TurnOutcome.COMPACTION_FAILED: """
        compact_api_error compact_no_session
    """,
    TurnOutcome.TURN_LIMIT: """
        max_turns
    """,
}

_OF_THE_SDK: Mapping[TurnOutcome, str] = {
    TurnOutcome.OK: """
        compact_short continue_second drop_mid_then_ok err_529_then_ok ok_text slash_unknown tool_bash_allowed
    """,
    TurnOutcome.RATE_LIMITED: """
        oauth_429_plain oauth_429_unified_5h oauth_429_unified_7d retries0_429 retries0_429_retry_after_3600
    """,
    TurnOutcome.OVERLOADED: """
        retries0_408 retries0_409 retries0_500 retries0_502 retries0_503 retries0_529 retries0_sse_error_500
        retries0_sse_error_529
    """,
    TurnOutcome.AUTH_FAILED: "no_credentials oauth_401 retries0_401 retries0_403",
    TurnOutcome.BUDGET_EXHAUSTED: "max_budget",
    TurnOutcome.CONTEXT_OVERFLOW: "err_400_prompt_too_long",
    TurnOutcome.NETWORK: "retries0_drop_mid retries0_drop_mid_nofallback retries0_refused",
    TurnOutcome.CONFIGURATION: """
        bad_flag empty_stdin mcp_missing_file resume_bad_id retries0_404 session_id_reused
        system_prompt_missing_file
    """,
    TurnOutcome.BAD_CONVERSATION: "retries0_400 retries0_413",
    TurnOutcome.INTERRUPTED: "longlived_interrupt_wait sigint_wait",
    TurnOutcome.SESSION_LOST: "resume_unknown_id",
    TurnOutcome.CRASHED: "sigkill_wait sigterm_wait",
    TurnOutcome.COMPACTION_FAILED: "compact_api_error compact_no_session",
    TurnOutcome.TURN_LIMIT: "max_turns",
}

EXPECTED: Mapping[str, Mapping[str, TurnOutcome]] = {
    version: {name: outcome for outcome, names in table.items() for name in names.split()}
    for version, table in (("2.1.197", _MEASURED), ("2.1.327", _OF_THE_SDK))
}

RESETS_AT: Mapping[str, datetime] = {
    "2.1.197/oauth_429_unified_5h": datetime(2026, 11, 20, 11, 15, 4, tzinfo=UTC),
    "2.1.197/oauth_fallback_429": datetime(2026, 11, 20, 11, 28, 21, tzinfo=UTC),
    "2.1.327/oauth_429_unified_5h": datetime(2026, 11, 20, 11, 47, 39, tzinfo=UTC),
    "2.1.327/oauth_429_unified_7d": datetime(2026, 11, 21, 10, 47, 40, tzinfo=UTC),
}
"""Every other run gives no reset time: in key mode the CLI never tells one, and a limit that holds is no reason."""
