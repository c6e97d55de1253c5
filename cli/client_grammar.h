// The words and options of the commands that ask a master. Part of command_line.cc's body: the only other file that
// knows the parser library.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "core/runtime/result.h"

namespace slicemill::cli {

// A value that is one of these words; for words that stand for something else the position of the word is kept.
CLI::Validator one_of(const std::vector<std::string>& words);
CLI::Validator position_in(const std::vector<std::string>& words);
// A whole number within these bounds.
CLI::Validator number_from(std::int64_t least, std::int64_t most);

using AddCommand = std::function<CLI::App&(Command command, const std::string& name, const std::string& description)>;

void add_client_grammar(CommandLine& line, const AddCommand& add);
// context, completion, man, help.
void add_help_grammar(CommandLine& line, const AddCommand& add);

// EX, in every form that is resolved (client/execution_names.h).
void add_execution(CLI::App& app, CommandLine& line);
// --master and --context.
void add_master(CLI::App& app, CommandLine& line);
// --data, with what its help says.
CLI::Option& add_data(CLI::App& app, CommandLine& line, const char* text);

// --set NAME=VALUE.
void add_set(CLI::App& app, CommandLine& line);

// What the parser library cannot tell: arguments that are missing, or do not go together.
Result<void> check_client_arguments(const CommandLine& line);

}  // namespace slicemill::cli
