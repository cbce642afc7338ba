# SPDX-License-Identifier: MIT
# cmake --install: the program, the headers a plug-in is built with, and what finds them (pkg-config, CMake), the manual
# and the completions. Everything is found relative to where it was installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

file(STRINGS ${CMAKE_SOURCE_DIR}/include/trapspec/base.h TRAPSPEC_ABI REGEX "#define TSP_ABI_VERSION")
string(REGEX REPLACE "[^0-9]*([0-9]+)u.*" "\\1" TRAPSPEC_ABI "${TRAPSPEC_ABI}")

if(TARGET trapspec)
    install(TARGETS trapspec RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES docs/trapspec.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES docs/completions/trapspec.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
            RENAME trapspec)
endif()
install(FILES include/trapspec/base.h include/trapspec/bits.h include/trapspec/target.h include/trapspec/trace.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/trapspec)
install(FILES docs/PLUGIN.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples/plugin-c examples/plugin-cpp DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

file(RELATIVE_PATH up_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/trapspec.pc.in ${CMAKE_BINARY_DIR}/trapspec.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/trapspec.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_package_config_file(cmake/trapspec-config.cmake.in ${CMAKE_BINARY_DIR}/trapspec-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/trapspec
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_BINDIR NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/trapspec-config-version.cmake COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/trapspec-config.cmake ${CMAKE_BINARY_DIR}/trapspec-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/trapspec)
