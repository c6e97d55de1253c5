// The command line as plain data. Only command_line.cc knows the library that parses it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::cli {

enum class Command { help, master, run, verify, quarantine, validate, ops, version, execution_controller };

struct CommandLine {
  Command command = Command::help;
  std::string help_text;                     // of help
  std::map<std::string, std::string> flags;  // settings given as flags, by setting name
  std::string config_file;                   // master, run
  std::string job_file;                      // run, validate, quarantine (a redrive without a master)
  std::vector<std::string> assets;           // run, validate, quarantine; directories and zips
  std::int64_t workers = 0;                  // run; 0: what the job says
  std::string resume_ex_id;                  // run; "": a new execution
  std::string chaos;                         // run; what to kill, "": nothing
  std::string ex_id;                         // verify, quarantine
  std::string master_url;                    // verify, quarantine; "": read the data directory
  bool redrive = false;                      // quarantine
  std::string operation;                     // ops; "": list
  bool json = false;                         // ops
  std::string launch_file;                   // execution-controller
};

// invalid: says what is wrong with the command line, with a suggestion where a known word is near.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

}  // namespace slicemill::cli
