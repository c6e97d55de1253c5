# `cmake --install build/release --prefix P`: everything that a user needs, and nothing of the build tree.
include(GNUInstallDirs)

# Where the others of the three are, relative to `slicemill` (cli/own_programs.cc).
set(slicemill_helpers "lib/slicemill")
set(slicemill_data "${CMAKE_INSTALL_DATADIR}/slicemill")
set(slicemill_docs "${CMAKE_INSTALL_DATADIR}/doc/slicemill")

install(TARGETS slicemill RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS slicemill-controller slicemill-worker RUNTIME DESTINATION "${slicemill_helpers}")
install(DIRECTORY sdk/python sdk/node DESTINATION "${slicemill_data}/sdk" PATTERN "__pycache__" EXCLUDE PATTERN "build" EXCLUDE
        PATTERN "*.egg-info" EXCLUDE PATTERN "node_modules" EXCLUDE)
install(FILES sdk/README.md DESTINATION "${slicemill_data}/sdk")
install(DIRECTORY examples DESTINATION "${slicemill_data}")
install(DIRECTORY docs/ DESTINATION "${slicemill_docs}" FILES_MATCHING PATTERN "*.md")
install(FILES README.md DESTINATION "${slicemill_docs}")
foreach(licence LICENSE COPYING LICENSE.md)
  if(EXISTS "${CMAKE_SOURCE_DIR}/${licence}")
    install(FILES "${licence}" DESTINATION "${slicemill_docs}")
  endif()
endforeach()

# Made by the program that is installed, in the place that it is installed to.
install(CODE "
  set(root \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  set(program \"\${root}/${CMAKE_INSTALL_BINDIR}/slicemill\")
  set(man \"\${root}/${CMAKE_INSTALL_MANDIR}/man1\")
  function(make_file file)
    get_filename_component(directory \"\${file}\" DIRECTORY)
    file(MAKE_DIRECTORY \"\${directory}\")
    execute_process(COMMAND \"\${program}\" \${ARGN} OUTPUT_FILE \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS \"Installing: \${file}\")
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${file}\")
    set(CMAKE_INSTALL_MANIFEST_FILES \"\${CMAKE_INSTALL_MANIFEST_FILES}\" PARENT_SCOPE)
  endfunction()
  execute_process(COMMAND \"\${program}\" man --directory \"\${man}\" COMMAND_ERROR_IS_FATAL ANY)
  message(STATUS \"Installing: \${man}\")
  make_file(\"\${root}/${CMAKE_INSTALL_DATADIR}/bash-completion/completions/slicemill\" completion bash)
  make_file(\"\${root}/${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_slicemill\" completion zsh)
  make_file(\"\${root}/${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d/slicemill.fish\" completion fish)
  make_file(\"\${root}/${slicemill_data}/job.schema.json\" schema)
  # The prefix may be given at the installation, so the unit is made then.
  set(bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(docdir \"\${CMAKE_INSTALL_PREFIX}/${slicemill_docs}\")
  configure_file(\"${CMAKE_SOURCE_DIR}/packaging/slicemill.service.in\" \"\${root}/lib/systemd/system/slicemill.service\" @ONLY)
  message(STATUS \"Installing: \${root}/lib/systemd/system/slicemill.service\")
")
install(FILES packaging/slicemill.sysusers DESTINATION lib/sysusers.d RENAME slicemill.conf)
