// The command line as plain data. Only command_line.cc knows the library that parses it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::cli {

enum class Command {
  help,
  master,
  run,
  verify,
  quarantine,
  validate,
  ops,
  schema,
  init,
  version,
  execution_controller,
  submit,
  jobs,
  list,
  show,
  wait,
  logs,
  tasks,
  errors,
  pause,
  resume,
  stop,
  recover,
  restart,
  workers,
  remove,  // `delete`
  assets,
  top,
  explain,
  prune,
  context,
  connections,
  completion,
  man,
};

// How `run` tells of its progress.
enum class ProgressForm { automatic, bar, lines, none };
enum class SummaryForm { text, json };

struct RunTelling {
  ProgressForm progress = ProgressForm::automatic;
  SummaryForm summary = SummaryForm::text;
  std::string summary_file;  // "": none
  bool is_quiet = false;
};

enum class OutputFormat { table, wide, json, yaml };

// Of the commands that ask a master. Times in milliseconds.
struct ClientOptions {
  std::string context;                        // "": the one in use
  OutputFormat output = OutputFormat::table;  // of what is printed
  bool wait = false;                          // submit, recover, restart
  bool no_start = false;                      // submit
  std::optional<std::int64_t> timeout_ms;     // of waiting; stop: until it is forced
  std::string status;                         // list; words separated by commas
  std::string filter;                         // jobs, list, tasks, errors
  std::string search;                         // jobs, list
  std::optional<std::int64_t> since_ms;       // list
  std::int64_t limit = 100;                   // jobs, list, errors
  bool follow = false;                        // logs
  std::int64_t worker = 0;                    // logs; 0: the controller
  std::int64_t lines = 100;                   // logs
  bool force = false;                         // stop
  std::string slices;                         // recover: all, errors, pending
  std::string config;                         // recover: current, own; "": own
  std::string action;                         // workers, assets, context, completion
  std::vector<std::string> words;             // assets, context; man, help: a command
  std::int64_t count = 0;                     // workers
  bool of_job = false;                        // delete
  std::int64_t interval_ms = 2'000;           // top
  std::optional<std::int64_t> older_than_ms;  // prune
  std::optional<std::int64_t> keep;           // prune
  bool dry_run = false;                       // prune
  std::string directory;                      // man
};

struct CommandLine {
  Command command = Command::help;
  std::string help_text;                     // of help
  std::map<std::string, std::string> flags;  // settings given as flags, by setting name
  std::string config_file;                   // master, run, validate, verify, connections
  std::string job_file;                      // run, validate, quarantine (a redrive without a master)
  std::vector<std::string> assets;           // run, validate, quarantine; directories and zips
  std::vector<std::string> set;              // NAME=VALUE; run, validate, submit, recover, restart, quarantine
  std::string mended_job;                    // run --resume; "": as the execution has it
  std::int64_t workers = 0;                  // run; 0: what the job says
  std::string resume_ex_id;                  // run; "": a new execution
  std::string chaos;                         // run; what to kill, "": nothing
  std::string out;                           // run --chaos; where its output goes, "": beside the job's own
  std::string ex_id;                         // of an execution, as it was typed
  std::string master_url;                    // "": see client/master_address.h
  std::string typed_master;                  // --master as it was typed
  bool fail_on_quarantine = false;           // run, wait, submit
  bool redrive = false;                      // quarantine; also with `edit` and `mended_records`
  bool edit = false;                         // quarantine
  std::string mended_records;                // quarantine; a file of records that run again
  std::string operation;                     // ops; "": list
  std::vector<std::string> input_files;      // init
  bool json = false;                         // ops
  std::string launch_file;                   // execution-controller
  ClientOptions client;
  RunTelling telling;  // run
};

// Whether a command on executions can do without a master, in a data directory.
bool looks_into_data(Command command);

// invalid: says what is wrong with the command line, with a suggestion where a known word is near.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

// What there is to type, for help that is not printed by `--help`: completion and man pages.
struct OptionDescription {
  std::vector<std::string> names;  // "--output", "-o"; the name alone of a positional
  std::string value;               // what follows it; "" of a flag
  std::vector<std::string> choices;
  std::string text;
};

struct CommandDescription {
  std::string name;
  std::string text;
  std::vector<OptionDescription> positionals;
  std::vector<OptionDescription> options;
  std::string footer;
};

// Those of users, in the order of `--help`.
std::vector<CommandDescription> describe_commands();

}  // namespace slicemill::cli
