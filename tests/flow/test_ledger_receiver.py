#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger with confirm: receiver."""
import ledger

ledger.main("receiver")
