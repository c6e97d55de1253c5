#include "cli/help_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/model/execution.h"
#include "core/runtime/text.h"

namespace slicemill::cli {
namespace {

struct CodeMeaning {
  int code;
  const char* meaning;
};
constexpr std::array kCodes = {
    CodeMeaning{0, "all is well; the execution that was waited for completed"},
    CodeMeaning{1, "the execution failed or was stopped; verify found differences"},
    CodeMeaning{2, "bad command line, configuration, job, or name of an execution"},
    CodeMeaning{3, "cannot start: port in use, data directory in use, master not reachable, or its state forbids it"},
    CodeMeaning{4, "no space, I/O error, damaged ledger"},
    CodeMeaning{5, "records were quarantined; only with --fail-on-quarantine"},
    CodeMeaning{6, "run --chaos: no process was killed, so nothing is proven"},
    CodeMeaning{124, "the time of --timeout is over"},
    CodeMeaning{130, "interrupted"},
};

std::string all_names(const OptionDescription& option) {
  return join(option.names, ", ");
}

bool takes_execution(const CommandDescription& command) {
  return !command.positionals.empty() && command.positionals.front().names.front() == "EX";
}

bool takes_job_file(const CommandDescription& command) {
  return !command.positionals.empty() && command.positionals.front().names.front() == "JOB";
}

std::vector<std::string> option_words(const CommandDescription& command) {
  std::vector<std::string> words;
  for (const OptionDescription& option : command.options)
    words.insert(words.end(), option.names.begin(), option.names.end());
  return words;
}

std::vector<std::string> positional_words(const CommandDescription& command) {
  std::vector<std::string> words;
  for (const OptionDescription& positional : command.positionals)
    words.insert(words.end(), positional.choices.begin(), positional.choices.end());
  if (takes_execution(command)) words.emplace_back("last");
  return words;
}

// A positional of `help` and `man`; of `ops`.
constexpr std::string_view kCommandWord = "COMMAND", kOperationWord = "NAME";

bool takes_word(const CommandDescription& command, std::string_view name) {
  return !command.positionals.empty() && command.positionals.front().names.front() == name;
}

std::string command_names(const std::vector<CommandDescription>& commands) {
  std::vector<std::string> names;
  for (const CommandDescription& command : commands) names.push_back(command.name);
  return join(names, " ");
}

bool is_file(std::string_view value) {
  return value.find("FILE") != value.npos || value.find("DIR") != value.npos || value == "JOB" || value == "directory";
}

// The only words that the value of an option may be, or consist of. Settings say them as "a|b".
std::vector<std::string> value_words(const OptionDescription& option) {
  if (!option.choices.empty()) return option.choices;
  if (option.value.find('|') != option.value.npos) return split(option.value, '|');
  std::vector<std::string> statuses;
  for (std::size_t i = 0; option.value == "STATUS,..." && i < kExecutionStatusCount; ++i)
    statuses.emplace_back(to_string(static_cast<ExecutionStatus>(i)));
  return statuses;
}

// Ids as the command that is typed finds them: of the master or the data directory that it names; those of `run` are in
// a data directory in any case.
constexpr std::string_view kBashIds = R"(_slicemill_ids() {
  local place=() i
  for ((i = 1; i < ${#COMP_WORDS[@]} - 1; ++i)); do
    case "${COMP_WORDS[i]}" in --data | --master | --context) place=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}") ;; esac
  done
  if ((${#place[@]} == 0)) && [[ ${COMP_WORDS[1]} == run ]]; then
    place=(--data "${SLICEMILL_DATA:-${XDG_STATE_HOME:-$HOME/.local/state}/slicemill}")
  fi
  slicemill list --limit 50 "${place[@]}" 2>/dev/null | awk 'NR > 1 { print $1 }'
}
)";
constexpr std::string_view kOperationsCommand = "slicemill ops 2>/dev/null | grep -o \"^[^ ][^ ]*\"";

// Behind an option: what its value may be, and nothing else.
std::string bash_values(const OptionDescription& option) {
  std::string from = is_file(option.value) ? "-f" : "";
  if (const auto words = value_words(option); !words.empty()) from = fmt::format("-W '{}'", join(words, " "));
  if (option.value == "EX") from = "-W \"last $(_slicemill_ids)\"";
  return fmt::format("        {}) {}return ;;\n", join(option.names, "|"),
                     from.empty() ? "" : fmt::format("COMPREPLY=($(compgen {} -- \"$word\")); ", from));
}

std::string bash_script(const std::vector<CommandDescription>& commands) {
  std::string names, cases;
  for (const CommandDescription& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::string values;
    for (const OptionDescription& option : command.options) {
      if (!option.choices.empty() || !option.value.empty()) values += bash_values(option);
    }
    const std::string options = join(option_words(command), " ");
    const std::string positionals = join(positional_words(command), " ");
    cases += fmt::format("    {})\n      case \"$before\" in\n{}        *)\n", command.name, values);
    cases += fmt::format("          if [[ $word == -* ]]; then words='{}'; else words='{}'", options, positionals);
    if (takes_execution(command)) cases += "; words+=\" $(_slicemill_ids)\"";
    if (takes_word(command, kCommandWord)) cases += "; words=$commands";
    if (takes_word(command, kOperationWord)) cases += fmt::format("; words=$({})", kOperationsCommand);
    cases += fmt::format("; fi ;;\n      esac\n{}      ;;\n",
                         takes_job_file(command) || takes_execution(command)
                             ? "      [[ $word == -* ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
                             : "");
  }
  return fmt::format(
      "# bash completion for slicemill\n"
      "{}"
      "_slicemill() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=''\n"
      "  local commands='{}'\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "{}"
      "  esac\n"
      "  COMPREPLY+=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}}\n"
      "complete -F _slicemill slicemill\n",
      kBashIds, names, cases);
}

// Inside single quotes.
std::string shell_quoted(std::string_view text, std::string_view quote) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += quote;
    else
      out += c;
  }
  return out;
}

std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : shell_quoted(text, "'\\''")) {
    if (c == '[' || c == ']' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const OptionDescription& option, std::string_view name) {
  std::string out = fmt::format("      '{}[{}]", name, zsh_text(option.text));
  if (const auto words = value_words(option); !words.empty())
    out += fmt::format(":{}:({})", option.value, join(words, " "));
  else if (option.value == "EX")
    out += ":EX:_slicemill_ids";
  else if (!option.value.empty())
    out += fmt::format(":{}:{}", option.value, is_file(option.value) ? "_files" : "");
  return out + "' \\\n";
}

std::string zsh_script(const std::vector<CommandDescription>& commands) {
  std::string names, cases;
  for (const CommandDescription& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, zsh_text(command.text));
    cases += fmt::format("    {})\n      _arguments \\\n", command.name);
    for (const OptionDescription& option : command.options) {
      for (const std::string& name : option.names) cases += zsh_option(option, name);
    }
    for (const OptionDescription& positional : command.positionals) {
      const std::string& name = positional.names.front();
      const std::string what = name == "EX"             ? "_slicemill_ids"
                               : name == kCommandWord   ? "(" + command_names(commands) + ")"
                               : name == kOperationWord ? fmt::format("{{_values operation $({})}}", kOperationsCommand)
                               : positional.choices.empty() ? "_files"
                                                            : "(" + join(positional.choices, " ") + ")";
      cases += fmt::format("      ':{}:{}' \\\n", name, what);
    }
    cases += "      ;;\n";
  }
  return fmt::format(
      "#compdef slicemill\n"
      "_slicemill_ids() {{\n"
      "  local -a ids\n"
      "  ids=(last ${{(f)\"$(slicemill list --limit 50 2>/dev/null | awk 'NR > 1 {{ print $1 }}')\"}})\n"
      "  _alternative 'ids:execution:compadd -a ids' 'files:job file:_files'\n"
      "}}\n"
      "_slicemill() {{\n"
      "  local -a commands\n"
      "  commands=(\n{}  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _slicemill \"$@\"; else compdef _slicemill slicemill; fi\n",
      names, cases);
}

std::string fish_script(const std::vector<CommandDescription>& commands) {
  std::string out =
      "# fish completion for slicemill\n"
      "function __slicemill_ids\n"
      "  slicemill list --limit 50 2>/dev/null | awk 'NR > 1 { print $1 }'\n"
      "end\n"
      "complete -c slicemill -n __fish_use_subcommand -f\n";
  for (const CommandDescription& command : commands) {
    out += fmt::format("complete -c slicemill -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                       shell_quoted(command.text, "\\'"));
    const std::string here = fmt::format("complete -c slicemill -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionDescription& option : command.options) {
      std::string names;
      for (const std::string& name : option.names)
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      const auto words = value_words(option);
      const std::string values = !words.empty()          ? fmt::format(" -x -a '{}'", join(words, " "))
                                 : option.value == "EX"  ? " -x -a 'last (__slicemill_ids)'"
                                 : option.value.empty()  ? ""
                                 : is_file(option.value) ? " -r"
                                                         : " -x";
      out += fmt::format("{}{}{} -d '{}'\n", here, names, values, shell_quoted(option.text, "\\'"));
    }
    if (takes_execution(command)) out += here + " -a 'last (__slicemill_ids)'\n";
    if (takes_word(command, kCommandWord)) out += fmt::format("{} -f -a '{}'\n", here, command_names(commands));
    if (takes_word(command, kOperationWord))
      out += fmt::format("{} -f -a \"({})\"\n", here, "slicemill ops 2>/dev/null | string match -r '^[^ ]+'");
    for (const OptionDescription& positional : command.positionals) {
      if (!positional.choices.empty()) out += fmt::format("{} -f -a '{}'\n", here, join(positional.choices, " "));
    }
  }
  return out;
}

// Text between macros of man.
std::string roff(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    at_start = c == '\n';
  }
  return out;
}

std::string option_entry(const OptionDescription& option) {
  std::string out = fmt::format(".TP\n.B {}", roff(all_names(option)));
  if (!option.value.empty() && option.names.front().starts_with('-'))
    out += fmt::format(" \\fI{}\\fP", roff(option.value));
  out += "\n" + roff(option.text.empty() ? "No description" : option.text);
  if (!option.choices.empty()) out += fmt::format(". One of {}", roff(join(option.choices, ", ")));
  return out + ".\n";
}

std::string heading(std::string_view name, std::string_view version) {
  return fmt::format(".TH \"{}\" 1 \"\" \"slicemill {}\" \"slicemill\"\n", roff(name), roff(version));
}

std::string exit_codes_section() {
  std::string out = ".SH EXIT STATUS\n";
  for (const CodeMeaning& entry : kCodes) out += fmt::format(".TP\n.B {}\n{}.\n", entry.code, roff(entry.meaning));
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell, const std::vector<CommandDescription>& commands) {
  return shell == "bash" ? bash_script(commands) : shell == "zsh" ? zsh_script(commands) : fish_script(commands);
}

std::string man_page(const std::vector<CommandDescription>& commands, std::string_view version) {
  std::string out = heading("slicemill", version);
  out +=
      ".SH NAME\nslicemill \\- process data in slices\n"
      ".SH SYNOPSIS\n.B slicemill\n.I COMMAND\n[\\fIARGUMENTS\\fP]\n"
      ".SH DESCRIPTION\nslicemill cuts the input of a job into slices and runs them on workers. No slice is lost, and "
      "the "
      "output of each is published once.\nEach command has a page of its own: \\fBslicemill\\-\\fP\\fICOMMAND\\fP(1).\n"
      ".SH COMMANDS\n";
  for (const CommandDescription& command : commands)
    out += fmt::format(".TP\n.B {}\n{}.\n", roff(command.name), roff(command.text));
  out +=
      ".SH ENVIRONMENT\n.TP\n.B SLICEMILL_MASTER\nThe master that commands ask, if \\-\\-master does not name one.\n"
      ".TP\n.B NO_COLOR\nIf set, no colours are used.\n"
      ".SH FILES\n.TP\n.I ~/.config/slicemill/contexts.yaml\nNames of masters (\\fBslicemill context\\fP).\n";
  return out + exit_codes_section();
}

std::string man_page(const CommandDescription& command, std::string_view version) {
  std::string out = heading("slicemill-" + command.name, version);
  out += fmt::format(".SH NAME\nslicemill\\-{} \\- {}\n.SH SYNOPSIS\n.B slicemill {}\n", roff(command.name),
                     roff(command.text), roff(command.name));
  for (const OptionDescription& positional : command.positionals)
    out += fmt::format("[\\fI{}\\fP]\n", roff(positional.names.front()));
  out += "[\\fIOPTIONS\\fP]\n";
  if (!command.positionals.empty()) out += ".SH ARGUMENTS\n";
  for (const OptionDescription& positional : command.positionals) out += option_entry(positional);
  out += ".SH OPTIONS\n";
  for (const OptionDescription& option : command.options) out += option_entry(option);
  if (!command.footer.empty()) out += ".SH NOTES\n.nf\n" + roff(command.footer) + "\n.fi\n";
  return out + exit_codes_section() + ".SH SEE ALSO\n.BR slicemill (1)\n";
}

std::string wrapped_help(std::string_view help, std::size_t width) {
  std::string out;
  for (const std::string& line : split(help, '\n')) {
    const std::size_t indent = line.starts_with(' ') ? kHelpColumn : 0;
    std::string rest = line;
    while (rest.size() > width) {
      auto blank = rest.rfind(' ', width);
      if (blank == std::string::npos || blank <= indent) blank = rest.find(' ', std::max(width, indent + 1));
      if (blank == std::string::npos) break;
      out += rest.substr(0, blank) + "\n";
      rest = std::string(indent, ' ') + rest.substr(blank + 1);
    }
    out += rest + "\n";
  }
  out.pop_back();  // the text has its own line end
  return out;
}

}  // namespace slicemill::cli
